"""Claims about the small vocabulary and the saved form of the models."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch

from training import towers

TEXTS = ("a painting of a ship.", "a calm scene.", "an ink drawing of a horse.")


def test_ranks_keep_the_end_token_largest() -> None:
    known = towers.known_tokens(TEXTS)
    ranks = towers.tokenize(TEXTS, known)
    ids = open_clip.SimpleTokenizer(context_length=towers.CONTEXT)(list(TEXTS))
    assert torch.equal(ranks.argmax(1), ids.argmax(1))
    assert torch.equal(known[ranks], ids)


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="small vocabulary"):
        towers.tokenize(["a zeppelin"], towers.known_tokens(TEXTS))


@pytest.mark.parametrize("name", towers.MODELS)
def test_a_saved_model_says_what_the_trained_one_said(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    known = towers.known_tokens(TEXTS)
    small = towers.build(name, len(known)).eval()
    towers.save(small, name, known, tmp_path)
    model = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(list(TEXTS))
    views = towers.normalise(torch.randint(0, 256, (2, 3, towers.IMAGE_PX, towers.IMAGE_PX)))
    with torch.inference_mode():
        expected = small.encode_text(towers.tokenize(TEXTS, known), normalize=True)
        assert torch.allclose(model.encode_text(tokens, normalize=True), expected, atol=5e-3)
        assert torch.allclose(
            model.encode_image(views, normalize=True), small.encode_image(views, normalize=True), atol=5e-3
        )

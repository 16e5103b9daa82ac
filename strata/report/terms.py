"""What the numbers of the page are called and what they mean, said where they stand."""

from __future__ import annotations

from collections.abc import Iterable

NAMES = {
    "map": "mAP",
    "map_pca": "mAP, PCA",
    "map_in_cluster": "mAP in own cluster",
    "recall_in_cluster": "recall in cluster",
    "r_precision": "R-precision",
    "mrr": "MRR",
    "ece": "calibration error",
    "detection_ap": "detection AP",
    "n": "pictures",
    "k": "clusters",
}
PREFIXES = {
    "p_at_": "P@",
    "map_at_": "mAP@",
    "ndcg_at_": "nDCG@",
    "hit_at_": "hit@",
    "recall_at_": "recall@",
    "mp_revisited_at_": "mP@",
    "top": "top-",
}
MEANINGS = {
    "mAP": "mean average precision: how early the right pictures come in the ranking, averaged over the "
    "queries; 1 when they come before all others",
    "mAP, PCA": "the same with vectors reduced by PCA",
    "mAP in own cluster": "the same when only the query’s own cluster is searched and what lies outside of "
    "it counts as not found",
    "recall in cluster": "the share of the right pictures that lie in the query’s own cluster: no search "
    "inside of it can find more",
    "R-precision": "the share of right pictures among the first R, where R is how many right ones there are",
    "MRR": "mean reciprocal rank: 1 divided by the rank of the first right picture, averaged over queries",
    "detection AP": "average precision where a hit counts only if its box overlaps a true one "
    "(intersection over union above 0.3)",
    "detection ceiling": "the share of the true boxes that any stored region overlaps that far: detection "
    "can reach no more",
    "AMI": "adjusted mutual information: how far clusters and classes are the same groups; 0 by chance, 1 "
    "when they are the same",
    "NMI": "normalised mutual information: the same without the correction for chance",
    "ARI": "adjusted Rand index: pairs of pictures that are together in both or apart in both; 0 by chance",
    "purity": "the share of pictures that are of their cluster’s commonest class",
    "silhouette": "how much nearer pictures are to their own cluster than to the next, -1 to 1; not "
    "comparable between layers",
    "accuracy": "the share of pictures that get their right name",
    "balanced accuracy": "the mean of the classes’ accuracies: every class counts the same",
    "train accuracy": "the accuracy on the pictures that were learnt from: near 1 is learning by heart",
    "majority": "the accuracy of always naming the largest class",
    "calibration error": "how far stated probabilities are from how often they are right",
    "P@": "the share of right pictures among the first so many",
    "mAP@": "mAP of rankings cut after so many",
    "nDCG@": "discounted cumulative gain of the first so many, by the best there could be",
    "hit@": "the share of queries with a right picture among the first so many",
    "recall@": "the share of the right pictures that are among the first so many",
    "mP@": "P@ as the revisited Oxford and Paris protocol averages it",
    "top-": "the share of pictures whose right name is among the first so many",
}
REGION_OF_INTEREST = "roi: region of interest, the picture’s own feature map pooled inside the query’s box"


def heading(metric: str) -> str:
    """``p_at_5`` -> ``P@5``; what is not known keeps its words."""
    if metric in NAMES:
        return NAMES[metric]
    if metric in ("ami", "nmi", "ari"):
        return metric.upper()
    prefix = _prefix(metric)
    if prefix:
        return PREFIXES[prefix] + metric[len(prefix) :]
    return metric.removeprefix("n_").replace("_", " ")


def meanings(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """(term, what it means) of the ``metrics`` that need it, each once."""
    found: dict[str, str] = {}
    for metric in metrics:
        term = PREFIXES.get(_prefix(metric), heading(metric))
        if term in MEANINGS:
            found.setdefault(f"{term}k" if term in PREFIXES.values() else term, MEANINGS[term])
    return list(found.items())


def _prefix(metric: str) -> str:
    return next((name for name in PREFIXES if metric.startswith(name) and metric[len(name) :].isdigit()), "")

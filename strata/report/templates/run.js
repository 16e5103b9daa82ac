(function () {
  var run = window.strataRun, home = document.getElementById("provenance");
  if (!run || !home) return;
  function add(parent, tag, text) {
    var node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    return parent.appendChild(node);
  }
  home.textContent = "";
  if (run.results !== document.documentElement.dataset.results) {
    add(home, "p", "run.js beside this page was written for other results than these; run the report stage again.").className = "none";
    return;
  }
  var list = add(home, "dl");
  list.className = "keys wide";
  run.facts.forEach(function (fact) {
    var row = add(list, "div");
    add(row, "dt", fact[0]);
    add(row, "dd", fact[1]);
  });
  if (!run.stages.length) return;
  var table = add(home, "table"), head = add(add(table, "thead"), "tr"), body = add(table, "tbody");
  add(table, "caption", "Stages, as they last ran here");
  ["stage", "seconds", "what it did"].forEach(function (name) { add(head, "th", name).scope = "col"; });
  run.stages.forEach(function (stage) {
    var row = add(body, "tr");
    add(row, "th", stage.name).scope = "row";
    add(row, "td", stage.seconds.toFixed(1));
    add(row, "td", stage.summary).className = "text";
  });
})();

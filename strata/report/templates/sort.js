document.querySelectorAll("table.sorts thead th").forEach(function (head) {
  head.addEventListener("click", function () {
    var place = head.cellIndex, body = head.closest("table").tBodies[0];
    var falling = head.getAttribute("aria-sort") !== "descending";
    head.parentNode.querySelectorAll("th").forEach(function (it) { it.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    function key(row) { return row.cells[place].dataset.value || ""; }
    Array.from(body.rows).sort(function (a, b) {
      var order = key(a).localeCompare(key(b), "en", { numeric: true });
      return falling ? -order : order;
    }).forEach(function (row) { body.appendChild(row); });
  });
});

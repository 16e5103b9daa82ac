"""How time and memory grow with the number of rows: made-up projects, stages run and watched, the chart."""

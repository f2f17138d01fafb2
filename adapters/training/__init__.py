"""How a dataset becomes an adapter: recipe, estimate, the process that trains, its runs."""

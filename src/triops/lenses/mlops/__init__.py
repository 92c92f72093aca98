"""Models, data and what trains them."""

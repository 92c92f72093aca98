"""What calls cost: the gateway's journal applied to the books, totals, budgets, forecasts, and what is told of them."""

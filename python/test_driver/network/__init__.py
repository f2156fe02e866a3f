"""Networks that machines are on, and the vsocks that lead past them."""

"""Networks between machines (VLANs), and vsocks to reach machines without a network."""

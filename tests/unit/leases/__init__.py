"""Leases: the elector, the keeper, and what each store does when it is hurt."""

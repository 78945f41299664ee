"""Steps from one schema to the next, run by `supervisor.catalog.migrate` when a catalog is opened."""

"""A data folder and a spool that the version before wrote, and the tests that this version reads them."""

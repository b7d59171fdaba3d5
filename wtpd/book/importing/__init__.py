"""Importing what other programs export: advisors, courtesy cars, customers, vehicles, appointments."""

from wtpd.book.importing.files import ImportFile
from wtpd.book.importing.run import ImportResult, Prepared, apply, prepare, run_import, site_names

__all__ = ["ImportFile", "ImportResult", "Prepared", "apply", "prepare", "run_import", "site_names"]

"""The doctor: what a lab needs of this machine, examined by trying it. Changes nothing."""

from lab.doctor.embedded import examine
from lab.doctor.findings import Finding, Grade

__all__ = ["Finding", "Grade", "examine"]

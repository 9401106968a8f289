"""The state of a stock Windows 10, typed: registry, services, certificate stores, files, event log, and what RRAS reports."""

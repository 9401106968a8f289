"""The `lab` command: one module per verb, each a `Verb` of `verb`; `main` parses and turns errors into messages and exit codes."""

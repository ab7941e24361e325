"""The command line: `./reprise VERB`, one JSON document with `--json`, exit codes by the outside contract."""

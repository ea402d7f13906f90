"""One file for each node type; docs/roles.md says how to write another."""

"""The `.ntc` file: container, model, metadata. docs/format.md is normative."""

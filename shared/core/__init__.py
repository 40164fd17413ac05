"""Pure decisions: values in, values out; no I/O, clock, environment or SDK. Standard library only."""

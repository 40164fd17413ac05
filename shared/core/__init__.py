"""Pure decisions, standard library only: values in, values out; no I/O, clock or SDK."""

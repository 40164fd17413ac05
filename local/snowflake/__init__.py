"""A stand-in for Snowflake."""

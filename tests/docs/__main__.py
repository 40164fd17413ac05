"""Write the parts of pages that are made from the code anew: `make types`."""

from tests.docs.pages import TYPES, renewed

if __name__ == "__main__":
    TYPES.write_text(renewed(TYPES.read_text("utf-8")), "utf-8")

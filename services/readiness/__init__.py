"""Whether a card or a delivery is whole, from rows: the evidence, the answer, the report, and the sums of files."""

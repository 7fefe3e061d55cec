"""What literature offers, each pinned to a quote: fields, pinning, taxonomy, suggestions."""

"""From events to moments: placing, scoring, deciding, cutting, knowing again."""

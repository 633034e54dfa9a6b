"""The read side: what there is, for people and programs that look, and for workers that compare. Changes nothing, scans nothing."""

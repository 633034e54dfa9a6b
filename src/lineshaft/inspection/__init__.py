"""The read side: what there is, for people and programs that look. It changes nothing and scans nothing."""

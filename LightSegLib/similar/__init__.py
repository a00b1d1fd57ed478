"""Many alike: from one segmented object to all that look like it in the same image."""

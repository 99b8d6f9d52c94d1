"""What runs left behind: the figure on a run's card, a browser of files, previews and downloads."""

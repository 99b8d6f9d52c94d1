"""Texts and figures as people read them, and configuration as Nextflow reads it: pure, for all stages."""

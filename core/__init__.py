"""Reprise: a durable pipeline from a pile of videos to transcripts, verified quotes and summaries."""

__version__ = "0.1.0"

"""Exports of batches: asking for one, what it holds, how it is streamed, and how a merged video is made."""

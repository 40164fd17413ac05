"""A real data set through the whole cloud, on this machine, and the proof that it arrived.

``dataset`` brings the flights of New York 2013 into the Snowflake stand-in, ``compare`` asks source
and target independently whether they hold the same, and ``__main__`` tells the story.
"""

"""What the sweep looks after, one module per thing. None of it decides what becomes visible.

Every repair is a request published once more, or the end of something that nothing can use again.
"""

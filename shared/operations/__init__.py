"""What people and machines ask for, the same whether by the command line or by the API.

Each operation checks what it can before anything is published, and says what would help.
"""

"""What people and machines ask: routes under ``/api/v1``, health and metrics, the status page.

Routes translate: a request becomes a call of ``shared.operations`` or of the steps, the same that
the command line makes, and what comes back becomes JSON.
"""

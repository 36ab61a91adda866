"""Static checks of workflow files: the migration guide's compatibility checklist, read from the syntax tree.

Nothing of a workflow is imported. What a declaration (SCHEDULE, WEBHOOKS) means is decided by the runtime's own reader, to
which the values are handed as data.
"""

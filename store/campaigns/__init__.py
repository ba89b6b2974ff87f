"""Campaigns from draft to settlement, and the audit of the books."""

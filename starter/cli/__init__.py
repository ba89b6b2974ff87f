"""The commands of ``godwit``, one file per noun."""

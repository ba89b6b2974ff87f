"""Tables of people in CSV and XLSX files: read with every fault, and rejects written."""

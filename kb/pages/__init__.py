"""The Streamlit pages: widgets, and one call each. They know no SQL, no arrays and no PDFs."""

"""What came from the CRM: activities, leads, deals, and who is credited with them."""

"""What is measured: KPI definitions, scorecard templates and their weekly results."""

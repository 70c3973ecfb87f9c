"""`manage.py runlocal`: everything on one machine, started, watched and stopped by one command."""

"""What every HTTP edge shares: who asks (`auth`), bodies within bounds (`body`), errors to status (`problems`)."""

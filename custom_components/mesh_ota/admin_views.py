"""stub"""
ADMIN_VIEWS: tuple[type, ...] = ()

"""stub"""
GATEWAY_VIEWS: tuple[type, ...] = ()

"""What an administrator may say of node types as a whole (docs/gateway-api.md §7)."""

from aiohttp import web

from .admin_door import AdminView, administrators, json_object
from .const import API, NODE_TYPE_PATTERN


class PolicyListView(AdminView):
    """`GET policies`."""

    url = f"{API}policies"
    name = "api:mesh_ota:policies"

    @administrators
    async def get(self, _request: web.Request) -> web.StreamResponse:
        """List what was set, by node type."""
        return self.json([policy.as_dict() for policy in self.hub.policies.everything()])


class PolicyView(AdminView):
    """`GET`, `PUT` and `DELETE policies/{node_type}`."""

    url = f"{API}policies/{{node_type:{NODE_TYPE_PATTERN}}}"
    name = "api:mesh_ota:policies:one"

    @administrators
    async def get(self, _request: web.Request, node_type: str) -> web.StreamResponse:
        """Show one; that of a type for which nothing was set does nothing."""
        return self.json(self.hub.policies.get(node_type).as_dict())

    @administrators
    async def put(self, request: web.Request, node_type: str) -> web.StreamResponse:
        """Set what is said, leave the rest."""
        policy = await self.hub.policies.async_set(node_type, await json_object(request))
        return self.json(policy.as_dict())

    @administrators
    async def delete(self, _request: web.Request, node_type: str) -> web.StreamResponse:
        """Forget it: nothing happens by itself any more."""
        await self.hub.policies.async_remove(node_type)
        return self.json(self.hub.policies.get(node_type).as_dict())


POLICY_VIEWS = (PolicyListView, PolicyView)

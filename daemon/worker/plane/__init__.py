"""The worker's side of the control plane: what it tells its supervisors, and what it obeys.

Everything here runs in tasks of its own: capture, detection and cutting never wait for a supervisor, whatever that
answers. `open_plane` gives a Plane, or a NoPlane for a worker that nobody supervises over the network.
"""

from daemon.worker.plane.api import Patience, PlaneLink, PublishGuard, Vitals, Work
from daemon.worker.plane.opening import NoPlane, open_plane
from daemon.worker.plane.plane import OBEYED, Plane

__all__ = ["OBEYED", "NoPlane", "Patience", "Plane", "PlaneLink", "PublishGuard", "Vitals", "Work", "open_plane"]

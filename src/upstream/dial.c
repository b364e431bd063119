#include "upstream/engine.h"

#include <sys/socket.h>

#include "wire/url.h"

/*
 * The guard looks at the address that is dialled, not at the name: a name that
 * resolves anew between check and call (DNS rebinding) cannot pass.
 */
curl_socket_t
dial_open(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct upstream_xfer *x = clientp;

	(void)purpose;
	if (!x->call->allow_private && address->family != AF_UNIX &&
	    url_ip_is_private(&address->addr)) {
		x->is_blocked = true;
		return CURL_SOCKET_BAD;
	}
	x->is_new_connection = true;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

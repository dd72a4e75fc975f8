package notify

// Service names are keepalived's: [10.0.0.100]:tcp:80, FWM 7, [GROUP]:0. Bodies are the
// checker's finding without its arrows, "TCP CHECK failed on service".

func upDown(up bool) string {
	if up {
		return "UP"
	}
	return "DOWN"
}

// ServiceFIFO is the line for the LVS FIFOs when a virtual server gains or loses its
// quorum.
func ServiceFIFO(service string, up bool) string { return "VS " + service + " " + upDown(up) + "\n" }

// ServerFIFO is the line for the LVS FIFOs when a real server of a service changes.
func ServerFIFO(server, service string, up bool) string {
	return "RS " + server + " " + service + " " + upDown(up) + "\n"
}

// ServiceMail is the mail about a virtual server.
func ServiceMail(routerID, service string, up bool, finding string) Mail {
	return Mail{
		Subject: subject(routerID, "Virtualserver "+service+" - "+upDown(up)),
		Body:    "=> " + finding + " <=",
	}
}

// ServerMail is the mail about a real server of a service.
func ServerMail(routerID, server, service string, up bool, finding string) Mail {
	return Mail{
		Subject: subject(routerID, "Realserver "+server+" of virtual server "+service+" - "+upDown(up)),
		Body:    "=> " + finding + " <=",
	}
}

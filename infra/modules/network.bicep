metadata description = 'One subnet. Silos speak among themselves; nothing comes in from outside; outward goes through one address.'

@description('What everything is named after.')
param name string

@description('Where everything is.')
param location string

// Orleans' ports answer only who can read the store (mutual TLS with its certificate); that nobody else reaches them is a second wall.
var siloPorts = ['11111', '30000']
var subnetRange = '10.20.0.0/24'

resource guard 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-guard'
  location: location
  properties: {
    securityRules: [
      {
        name: 'silos-among-themselves'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: subnetRange
          sourcePortRange: '*'
          destinationAddressPrefix: subnetRange
          destinationPortRanges: siloPorts
        }
      }
      {
        // Also what Azure's own rules would let in: everything of the virtual network, and load balancers.
        name: 'nothing-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource outwardAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: '${name}-outward'
  location: location
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

// For the GPU's driver and for Azure's management. It lets nothing in.
resource outward 'Microsoft.Network/natGateways@2024-05-01' = {
  name: '${name}-outward'
  location: location
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: outwardAddress.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [subnetRange]
    }
    subnets: [
      {
        name: 'silos'
        properties: {
          addressPrefix: subnetRange
          defaultOutboundAccess: false
          natGateway: {
            id: outward.id
          }
          networkSecurityGroup: {
            id: guard.id
          }
          // Checkpoints go to the store within Azure, past the gateway, which bills by the byte.
          serviceEndpoints: [
            {
              service: 'Microsoft.Storage'
            }
          ]
        }
      }
    ]
  }
}

@description('The subnet that machines are in.')
output subnetId string = network.properties.subnets[0].id
